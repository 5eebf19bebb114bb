"""What figures share: colours, panels, lines, and how a figure is stored on the page."""
