"""What code needs in an AWS account: interpreters, an execution role, a caller policy, a network.

Comments name the documented source of a fact (service model, Service Authorization Reference, developer guide).
Assumed, because nothing public says so:

- A name can be reused once its interpreter is gone; creating a second interpreter with it is a ConflictException.
- A new role may be refused for some seconds, because IAM is eventually consistent.
- An interpreter in CREATE_FAILED stays until it is deleted; one in CREATING cannot be deleted yet.
- No API lists the Availability Zones that AgentCore supports in a region; the service refuses the others.
"""
