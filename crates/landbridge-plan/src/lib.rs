//! landbridge-plan
