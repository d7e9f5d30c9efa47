"""The policy file: one versioned TOML text in which a hospital, and a ward over it, writes down what it chose.

`reading.read` and `writing.write` are each other's inverse; `layers.layered` makes the `Policy` that the verdict works with;
`changes.describe_changes` says in words what two policies differ in; `catalogue` lists every name. Must never read a disk (its own
packaged default is constant data), and must never let a value through that cites no source or lies outside its bounds.
"""
