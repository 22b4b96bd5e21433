//! task_definition
