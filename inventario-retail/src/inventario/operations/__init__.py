"""Operations: is the service alive, is it ready, how are its parts."""
