"""The Gemini API (https://ai.google.dev/api): contents, tokens, embeddings and images of Imagen."""
