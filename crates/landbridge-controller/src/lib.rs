//! landbridge-controller
