"""One session of the practice backend, without sockets or threads: client events in, server events and jobs out."""
