@operations
Feature: Starting, stopping and crashing
  What was acknowledged is there after whatever happened, without a hand.

  @needs_faults
  Scenario: A restart keeps accounts, links and sessions
    Given a platform of its own
    And ada is logged in
    And bob has signed up
    When the platform is stopped and started
    Then ada's session is alive
    And ada can log in
    And bob's newest activation link activates the account

  @needs_faults
  Scenario: A kill in the middle of sign-ups loses nothing and doubles nothing
    Given a platform of its own
    When people sign up until the platform is killed
    And the platform is started
    Then every acknowledged sign-up is mailed, can be activated and logs in
    And nobody has two rows

  @needs_faults
  Scenario: A kill between activation and login loses nothing
    Given a platform of its own
    And ada has signed up
    When ada follows the link and the platform is killed
    And the platform is started
    Then ada is ACTIVE in login_db

  @needs_settings
  Scenario: A second platform on the same folder is refused
    When another platform is started on the same folder
    Then it is refused with exit code 3 and a sentence that names the folder

  @needs_settings
  Scenario: A taken port is refused by its number
    When another platform is started on the same ports
    Then it is refused with exit code 3 and a sentence that names the port

  Scenario: The command tells the state
    Then "quartet status --json" says that everything is ready
    And "quartet connectors --json" lists seven running connectors
