"""The AWS account's side: interpreters, the role that their code has, the policy of those who run code in them.

What is documented (the service model, the Service Authorization Reference, the developer guide) is said where it is
coded. Assumed, because nothing public says it:

- A name is free again as soon as its interpreter is gone, and a second create with it is a ConflictException.
- A role that was made a moment ago may be refused for some seconds: IAM is eventually consistent.
- An interpreter in CREATE_FAILED stays until it is deleted.
- The Availability Zones that AgentCore supports in a region cannot be asked for; the service refuses others itself.
"""
