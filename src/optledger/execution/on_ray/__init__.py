"""The executor of a Ray cluster, which somebody else has started.

Ray itself runs in a child process (`child`), as it ends the process that it runs in when it loses
the cluster. The driver (`cluster`) keeps tasks, order and retries, and knows nothing of Ray. On
the nodes, actors (`actor`) run one task at a time.
"""
