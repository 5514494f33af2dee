"""Lost and replaced transports: try again, restore the conversation, and go on."""
