"""Publishes results to MLflow. No other part of the project imports MLflow."""
