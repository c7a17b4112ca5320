"""The first words of TLS: as much of it as is decided on before the library has its say."""
