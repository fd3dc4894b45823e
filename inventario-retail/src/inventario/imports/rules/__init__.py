"""What a file of products or movements may look like, and what its cells mean. Pure: nothing here reads a file or a database."""
