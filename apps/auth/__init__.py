"""Pure helpers shared by the services: values in, values out; clocks, secrets and costs are arguments."""
