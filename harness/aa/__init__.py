"""What the rule makes of identical code on this machine: false alarms, what it would catch, and which settings to use."""
