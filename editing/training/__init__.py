"""Trainings: what each of them takes (`options`), and one module for each that makes its data and writes its result."""
