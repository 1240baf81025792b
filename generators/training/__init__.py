"""Making and training the embedded generators."""
