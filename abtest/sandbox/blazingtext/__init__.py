"""BlazingText for the sandbox: text classification by fastText, as a training program and as a server."""
