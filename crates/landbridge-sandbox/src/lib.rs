//! landbridge-sandbox
