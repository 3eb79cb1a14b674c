"""Deliveries to recipients and the way back: terms, recalls, acknowledgements, who is overdue (G8).

`record` holds what happened, `lifecycle` the one table of what may follow what, `due` the
deadlines, `terms` the document that travels with a package, `package` why each record of it was
allowed or refused. Signing, encryption and the blinded lists of a recall are the business of
`service`; nothing here needs a key.
"""
