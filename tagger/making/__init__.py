"""How the shipped knowledge was made: from pictures to backbone, head and card."""
