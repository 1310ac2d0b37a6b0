"""What a model's earlier exits say of each token, as its states stream by."""
