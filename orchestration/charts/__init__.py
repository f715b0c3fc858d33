"""The charts of value and movement: each is a finding in words and a Vega-Lite specification made from the marts."""
