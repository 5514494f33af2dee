"""The page's side of a widget: messages, the numbered channel, the sound lease, and the transcript."""
