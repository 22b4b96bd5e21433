//! landbridge-aws
