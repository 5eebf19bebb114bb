"""What a run says at its end beside pytest's own lines: how each kernel did, and where the time went."""
