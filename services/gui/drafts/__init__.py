"""Config files that people edit: their drafts, their forms, and their deployment. No web, no pages."""
