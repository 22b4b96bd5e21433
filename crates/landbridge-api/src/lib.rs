//! landbridge-api
