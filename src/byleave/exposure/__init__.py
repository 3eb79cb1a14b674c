"""Cases over the past: who was affected by what a platform did, by what, at what cost (G12).

`practice` records what was done, `cohort` finds who was affected and why, `readings` turns that
into ranges under named laws, `counterfactual` asks what the gate would have let through.
Not legal advice, and every range carries the assumption it rests on.
"""
