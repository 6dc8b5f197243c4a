@console
Feature: The way of one account is followed on a page
  What every database, topic and mail knows of an account, in order of time, and nothing that is secret.

  Scenario: An account is followed through everything
    Given ada has an active account
    And the page "Journey" is open
    When the address of ada is followed
    Then the page says CONVERGED
    And it tells, one after the other
      | signed up              |
      | activation mail queued |
      | activation mail sent   |
      | activated              |
    And the hop from the topic "users" to "login_db.users" has a bar
    And what "quartet journey" tells in JSON is offered as well

  Scenario: The raw record is one click away, and masked
    Given ada has an active account
    And the page "Journey" is open
    When the address of ada is followed
    And the first record of the topic "users" is opened
    Then its key and value are shown, but no password

  Scenario: Nobody has such an address
    Given the page "Journey" is open
    When an address that nobody has is followed
    Then the page says that nobody knows it, and what to do
