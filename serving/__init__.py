"""What both services share to serve an API: a registry of methods, HTTP, Socket.IO, roles."""
