"""What happens when a connection is lost or replaced: retry, restore the conversation, and go on."""
