@wiring
Feature: A record that cannot be used is parked
  One bad record stops nobody: it is set aside with its reason, and the next one passes.

  Scenario Outline: A sink parks what it cannot write (<kind>)
    Given ada has signed up
    When a <kind> record is put into the topic "users"
    Then it is parked in "dlq.login-sink-connector" with its reason
    And bob's sign-up still reaches login_db
    And the connector "login-sink-connector" is running
    Examples:
      | kind              |
      | not JSON          |
      | no schema         |
      | bad status        |
      | too long          |

  Scenario Outline: A consumer parks what it cannot use (<kind>)
    Given ada has signed up
    When a <kind> record is put into the topic "mongoserver1.activate_user_reg_db.active_users"
    Then it is parked in "dlq.signup" with its reason
    And ada's newest activation link activates the account
    Examples:
      | kind         |
      | not JSON     |
      | unknown user |
      | no status    |
