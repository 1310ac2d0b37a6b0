"""easyhard: which cheap signal tells easy tokens from hard ones."""
