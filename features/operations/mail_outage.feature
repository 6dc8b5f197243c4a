@operations
Feature: The mail server fails
  Mail waits in the outbox: answers are unchanged, and every mail goes out once the server is back.

  @needs_faults
  Scenario: Mail waits for the server
    Given a platform of its own whose mail server is down
    When ada signs up while the mail server is down
    Then ada is answered INACTIVE
    And ada's mail waits
    When the mail server is up
    Then ada is mailed within 30 seconds
    And ada's newest activation link activates the account

  @needs_faults
  Scenario: Mail waits through a restart
    Given a platform of its own whose mail server is down
    When ada signs up while the mail server is down
    And the platform is killed
    And the platform is started
    And the mail server is up
    Then ada is mailed within 30 seconds
    And ada's newest activation link activates the account
