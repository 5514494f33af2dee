"""What results look like in a cell: the card, and the static page that a saved notebook keeps."""
