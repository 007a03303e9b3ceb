"""`python -m s4allcities` is `s4`."""

from .cli import main

if __name__ == "__main__":
    main()
