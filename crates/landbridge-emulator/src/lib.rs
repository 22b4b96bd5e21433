//! landbridge-emulator
