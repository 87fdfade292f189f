"""The five services and the layer they share."""
