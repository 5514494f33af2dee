"""The rules of a conversation's turns: asking, response order, tools, interruption, and the user's sound."""
