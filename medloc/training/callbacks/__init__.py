"""What happens at the steps of a training, as callbacks of transformers' Trainer."""
