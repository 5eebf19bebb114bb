"""How fast a device copies and gathers: the ceilings that cases are compared with; needs torch at import."""
