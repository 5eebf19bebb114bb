"""One HTML page that needs no network: text, figures and the table of all cases."""
