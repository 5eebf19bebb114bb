"""Which step of a training is exact and which is sampled, and how the steps of any training loop are noticed."""
