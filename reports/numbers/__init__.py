"""The numbers of results files for other programs and for readers, as frames and as small tables; no drawing."""
