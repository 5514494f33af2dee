"""The cases, by kind. Each is a coroutine function that raises where its fault costs more than itself."""
