"""The registry of machine-learning model files and their inference sessions."""
