"""Documents of the medication record: forms in Vietnamese made from stored facts, printed to PDF, signed, and registered so that a paper
can be looked up. Each step is a module: `content` of a form, `templates`, `press`, `signing`, `issuing`.
"""
