"""The gate: rules compiled for one data set, rows kept with a ground or dropped with a reason."""
