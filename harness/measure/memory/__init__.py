"""How much memory a case takes: of this process, or of torch's allocator on a GPU."""
