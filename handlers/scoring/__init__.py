"""A trained model in use: rows in, predictions out. All but `export` and `carried` travels with every exported model (`carried`)."""
