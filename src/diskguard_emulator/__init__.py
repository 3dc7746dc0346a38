"""A local Azure Resource Manager: one pretended cloud, met only over the wire."""
