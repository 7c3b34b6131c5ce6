"""The executor on a Ray cluster that somebody else has started.

Ray itself runs in a child process (`child`), because it ends its own process when it loses the
cluster. The driver (`cluster`) manages tasks, their order and retries, and does not import Ray. On
the nodes, actors (`actor`) run one task at a time.
"""
